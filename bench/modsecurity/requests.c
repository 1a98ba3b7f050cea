/* Sends requests through libmodsecurity and prints which rules each of them matched.
 *
 * Usage: requests RULES.conf [ROUNDS] < requests
 *
 * Each request on standard input is
 *     METHOD<LF>URI<LF>VERSION<LF>ADDRESS<LF>HEADERS<LF>   (HEADERS: how many follow)
 *     NAME<LF>VALUE<LF>                                    (for each of them)
 *     LENGTH<LF>BODY<LF>
 *
 * For each one a line with the ids of the rules that were logged. With ROUNDS, all requests are run so
 * often and one line tells nanoseconds a request; that is how `make bench` measures it.
 */
#define _GNU_SOURCE
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct header { char *name, *value; };
struct request {
    char *method, *uri, *version, *address, *body;
    size_t headers, length;
    struct header *header;
};

static int quiet;

static void heard(void *data, const void *message) {
    (void)data;
    const char *at = quiet ? NULL : strstr(message, "[id \"");
    if (at) printf("%d ", atoi(at + 5));
}

static char *line(void) {
    char *text = NULL;
    size_t room = 0;
    ssize_t length = getline(&text, &room, stdin);
    if (length <= 0) return NULL;
    if (text[length - 1] == '\n') text[length - 1] = 0;
    return text;
}

static int next(struct request *one) {
    if (!(one->method = line())) return 0;
    one->uri = line();
    one->version = line();
    one->address = line();
    one->headers = strtoul(line(), NULL, 10);
    one->header = calloc(one->headers + 1, sizeof *one->header);
    for (size_t i = 0; i < one->headers; i++) {
        one->header[i].name = line();
        one->header[i].value = line();
    }
    one->length = strtoul(line(), NULL, 10);
    one->body = malloc(one->length + 1);
    if (fread(one->body, 1, one->length, stdin) != one->length) return 0;
    return getchar() == '\n';
}

static void run(ModSecurity *engine, RulesSet *rules, struct request *one) {
    Transaction *t = msc_new_transaction(engine, rules, NULL);
    msc_process_connection(t, one->address, 40000, "127.0.0.1", 80);
    msc_process_uri(t, one->uri, one->method, one->version);
    for (size_t i = 0; i < one->headers; i++)
        msc_add_request_header(t, (unsigned char *)one->header[i].name,
                               (unsigned char *)one->header[i].value);
    msc_process_request_headers(t);
    if (one->length)
        msc_append_request_body(t, (unsigned char *)one->body, one->length);
    msc_process_request_body(t);
    msc_transaction_cleanup(t);
}

int main(int count, char **arguments) {
    if (count < 2) return fprintf(stderr, "usage: requests RULES.conf [ROUNDS] < requests\n"), 2;
    const char *error = NULL;
    ModSecurity *engine = msc_init();
    msc_set_connector_info(engine, "vigil");
    msc_set_log_cb(engine, heard);
    RulesSet *rules = msc_create_rules_set();
    if (msc_rules_add_file(rules, arguments[1], &error) < 0)
        return fprintf(stderr, "%s\n", error ? error : "the rules cannot be loaded"), 1;
    size_t known = 0, room = 0;
    struct request *requests = NULL, one;
    while (next(&one)) {
        if (known == room) {
            room = room ? 2 * room : 1024;
            requests = realloc(requests, room * sizeof one);
        }
        requests[known++] = one;
    }
    int rounds = count > 2 ? atoi(arguments[2]) : 0;
    if (!rounds) {
        for (size_t i = 0; i < known; i++) {
            run(engine, rules, &requests[i]);
            printf("\n");
        }
        return 0;
    }
    quiet = 1;
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < known; i++) run(engine, rules, &requests[i]);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double ns = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
    printf("%.0f\n", ns / rounds / (known ? known : 1));
    return 0;
}
