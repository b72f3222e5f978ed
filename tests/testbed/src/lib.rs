//! Databases and parts for tests.
