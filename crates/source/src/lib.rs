//! Gets bytes from the world as records, with a checkpoint
