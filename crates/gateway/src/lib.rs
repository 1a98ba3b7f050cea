//! Connects clients to the bus: handshake, subscriptions, recovery, fan-out
