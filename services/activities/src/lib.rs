//! Activities and people.
