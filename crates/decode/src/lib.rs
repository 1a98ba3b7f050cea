//! Turns a record into an event: formats, decoded views, the client's real address
