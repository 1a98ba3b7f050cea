//! WebSocket (RFC 6455) as the server's end needs it, with permessage-deflate (RFC 7692): the handshake's
//! answer, frames as they are written, and a reader of what clients send.
//!
//! All of it is pure: bytes in, values out. A message is framed once and shared by everybody it goes to;
//! compression keeps nothing from one message to the next, so that a compressed message can be shared
//! as well and an idle connection holds no window.

pub mod deflate;
mod frame;
pub mod handshake;
mod reader;

pub use frame::{Frame, Opcode};
pub use reader::{Fault, FromClient, MAX_CONTROL_BYTES, Reader};
