"""Talks to Vigil with the library `websockets`, which is not ours: argument 1 is ws://…, 2 a token.

Ends with 0 when everything is as docs/protocol.md says, else with the assertion that failed.
"""

import asyncio
import json
import sys

import websockets

BASE, TOKEN = sys.argv[1], sys.argv[2]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
# In seconds; a test that waits this long has failed.
PATIENCE = 60
# The library's older versions have another name for it.
IS_OLD = int(websockets.__version__.split(".")[0]) < 14


def connect(path, additional_headers=None, **options):
    options["extra_headers" if IS_OLD else "additional_headers"] = additional_headers
    return websockets.connect(BASE + path, open_timeout=PATIENCE, **options)


async def until(socket, kind):
    """The next frame of that type."""
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if frame["type"] == kind:
            return frame


async def ask(socket, frame):
    await socket.send(json.dumps({"id": "ask", **frame}))
    while True:
        answer = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        if answer.get("reply_to") == "ask":
            return answer


async def rooms():
    async with connect("/ws", additional_headers=HEADERS) as one, connect(
        "/api/v1/ws/chat/py", subprotocols=["vigil.v1.json", f"bearer.{TOKEN}"]
    ) as other:
        assert other.subprotocol == "vigil.v1.json"
        assert (await until(other, "subscribed"))["channel"] == "chat:py"
        said = await ask(one, {"type": "chat", "channel": "chat:py", "data": {"message": "grüß dich"}})
        assert said["type"] == "published", said
        assert (await until(other, "chat.message"))["data"]["message"] == "grüß dich"
        pong = await one.ping()
        await asyncio.wait_for(pong, PATIENCE)
    async with connect("/ws", additional_headers=HEADERS) as back:
        since = {"epoch": said["data"]["position"]["epoch"], "offset": said["data"]["position"]["offset"] - 1}
        answer = await ask(back, {"type": "subscribe", "channel": "chat:py", "data": {"since": since}})
        assert answer["data"]["recovered"], answer
        assert (await until(back, "chat.message"))["data"]["message"] == "grüß dich"


async def first_frame():
    async with connect("/ws") as socket:
        answer = await ask(socket, {"type": "auth", "data": {"token": TOKEN}})
        assert answer["type"] == "authenticated", answer
        await until(socket, "welcome")


async def message_pack():
    async with connect("/ws", additional_headers=HEADERS, subprotocols=["vigil.v1.msgpack"]) as socket:
        assert socket.subprotocol == "vigil.v1.msgpack"
        welcome = await asyncio.wait_for(socket.recv(), PATIENCE)
        assert isinstance(welcome, bytes) and b"welcome" in welcome
        await socket.send(b"\x82\xa2id\x07\xa4type\xa4ping")
        assert b"pong" in await asyncio.wait_for(socket.recv(), PATIENCE)


async def framing():
    async with connect("/ws", additional_headers=HEADERS) as socket:
        await until(socket, "welcome")

        async def fragments():
            for part in ['{"id":"ask",', '"type":', '"ping"}']:
                yield part

        await socket.send(fragments())
        assert (await until(socket, "pong"))["reply_to"] == "ask"
        await socket.send("no json")
        assert (await until(socket, "error"))["data"]["code"] == "malformed"
        try:
            await socket.send("x" * (1 << 21))
            while True:
                await asyncio.wait_for(socket.recv(), PATIENCE)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 1009, closed


async def compression():
    """The library offers permessage-deflate by itself."""
    async with connect("/ws", additional_headers=HEADERS) as one, connect(
        "/api/v1/ws/chat/long", additional_headers=HEADERS
    ) as other, connect("/api/v1/ws/chat/long", additional_headers=HEADERS, compression=None) as plain:
        def extensions(socket):
            return socket.extensions if IS_OLD else socket.protocol.extensions

        assert [extension.name for extension in extensions(other)] == ["permessage-deflate"]
        assert not extensions(plain)
        for socket in (other, plain):
            await until(socket, "subscribed")
        for said in ("short", "a long story. " * 200, "é" * 1500):
            answer = await ask(one, {"type": "chat", "channel": "chat:long", "data": {"message": said}})
            assert answer["type"] == "published", answer
            for socket in (other, plain):
                assert (await until(socket, "chat.message"))["data"]["message"] == said


async def main():
    for part in (rooms, first_frame, message_pack, framing, compression):
        await part()


asyncio.run(main())
