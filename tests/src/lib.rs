//! The whole suite under test.
