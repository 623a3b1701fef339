//! A planted leak is caught.
