//! Writes small files in the MaxMind DB format, version 2.0, as its specification describes it: a
//! search tree of 24-bit records, sixteen zeros, the data, and the metadata behind a marker.

use std::net::IpAddr;

use serde_json::{Value, json};

#[derive(Clone, Copy)]
enum Record {
    Empty,
    Node(u32),
    /// An offset into the data.
    Data(u32),
}

/// A database with these networks.
pub(crate) fn database(database_type: &str, entries: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Record::Empty; 2]];
    let mut data = Vec::new();
    for (network, value) in entries {
        let offset = data.len() as u32;
        encode(value, &mut data);
        insert(&mut nodes, network, offset);
    }
    let count = nodes.len() as u32;
    let mut file = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match record {
            Record::Empty => count,
            Record::Node(node) => *node,
            Record::Data(offset) => count + 16 + offset,
        };
        file.extend_from_slice(&number.to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xAB\xCD\xEFMaxMind.com");
    encode(
        &json!({
            "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1, "database_type": database_type,
            "description": {"en": "made by a test"}, "ip_version": 6, "languages": ["en"], "node_count": count, "record_size": 24,
        }),
        &mut file,
    );
    file
}

/// Hangs the network into the tree; IPv4 stands under `::/96`.
fn insert(nodes: &mut Vec<[Record; 2]>, network: &str, offset: u32) {
    let (address, length) = network.split_once('/').expect("a network");
    let length: u32 = length.parse().expect("a prefix length");
    let (bits, length) = match address.parse().expect("an address") {
        IpAddr::V4(address) => (u128::from(address.to_bits()), length + 96),
        IpAddr::V6(address) => (address.to_bits(), length),
    };
    let mut node = 0;
    for depth in 0..length {
        let side = (bits >> (127 - depth) & 1) as usize;
        if depth + 1 == length {
            nodes[node][side] = Record::Data(offset);
            return;
        }
        node = if let Record::Node(next) = nodes[node][side] {
            next as usize
        } else {
            nodes.push([Record::Empty; 2]);
            let next = nodes.len() - 1;
            nodes[node][side] = Record::Node(next as u32);
            next
        };
    }
}

fn encode(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            control(7, map.len(), to);
            for (name, value) in map {
                encode(&Value::String(name.clone()), to);
                match value {
                    Value::Number(number) if number.is_f64() => {
                        control(3, 8, to);
                        to.extend_from_slice(&number.as_f64().expect("a number").to_be_bytes());
                    }
                    Value::Number(number) => {
                        encode_number(name, number.as_u64().expect("a whole number"), to);
                    }
                    value => encode(value, to),
                }
            }
        }
        Value::Array(list) => {
            control(11, list.len(), to);
            for value in list {
                encode(value, to);
            }
        }
        Value::String(text) => {
            control(2, text.len(), to);
            to.extend_from_slice(text.as_bytes());
        }
        other => panic!("no test needs {other}"),
    }
}

/// The specification says how wide each number of the metadata is; all others have 32 bits.
fn encode_number(name: &str, number: u64, to: &mut Vec<u8>) {
    let (kind, width) = match name {
        "binary_format_major_version"
        | "binary_format_minor_version"
        | "ip_version"
        | "record_size" => (5, 2),
        "build_epoch" => (9, 8),
        _ => (6, 4),
    };
    control(kind, width, to);
    to.extend_from_slice(&number.to_be_bytes()[8 - width..]);
}

/// The byte of type and size; types from 8 on stand in a second byte, sizes from 29 on in a third.
fn control(kind: u8, size: usize, to: &mut Vec<u8>) {
    let short = size.min(29) as u8;
    if kind < 8 {
        to.push(kind << 5 | short);
    } else {
        to.extend_from_slice(&[short, kind - 7]);
    }
    if size >= 29 {
        to.push(u8::try_from(size - 29).expect("a short text"));
    }
}
