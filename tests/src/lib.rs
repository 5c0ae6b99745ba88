//! Portico from outside: what the tests share.
