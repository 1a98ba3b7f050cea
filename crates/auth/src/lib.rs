//! Who is this and may they: tokens, keys, tickets
