//! The pages that the server carries in itself.
