//! A client's message as a frame, whatever it is written in.

use std::borrow::Cow;

use vigil_protocol::websocket::FromClient;
use vigil_protocol::{ClientFrame, ErrorCode, FrameError, message_pack};

use crate::frame::form::Encoding;

/// Reads a text or binary message.
pub(crate) fn read(message: &FromClient, encoding: Encoding) -> Result<ClientFrame, FrameError> {
    let refused = |code, message: String| FrameError {
        reply_to: None,
        code,
        message,
    };
    let text = match (message, encoding) {
        // JSON is read on every connection; that needs no negotiation.
        (FromClient::Text(text), _) => Cow::Borrowed(text.as_str()),
        (FromClient::Binary(bytes), Encoding::MessagePack) => {
            let text = message_pack::to_json(bytes)
                .map_err(|error| refused(ErrorCode::Malformed, error.to_string()))?;
            Cow::Owned(text)
        }
        _ => {
            return Err(refused(
                ErrorCode::Unsupported,
                "binary messages are read on sub-protocol vigil.v1.msgpack only: send JSON as text"
                    .to_owned(),
            ));
        }
    };
    ClientFrame::decode(&text)
}
