//! A request as its client means it, and the response as its client sees it.

// Only the tests of whole front doors use all of it.
#![cfg_attr(not(all(feature = "axum", feature = "local")), allow(dead_code))]

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};

/// A request as its client means it.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    pub method: &'static str,
    pub path: &'static str,
    pub query: &'static str,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Vec<u8>,
}

impl ClientRequest {
    pub fn new(method: &'static str, path: &'static str) -> Self {
        Self {
            method,
            path,
            query: "",
            headers: vec![("host", "app.localhost")],
            body: Vec::new(),
        }
    }

    pub fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn target(&self) -> String {
        match self.query {
            "" => self.path.to_owned(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// A response as its client sees it, without the headers that each hop sets for itself.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientResponse {
    pub status: StatusCode,
    /// Repeated headers are joined, as RFC 9110 allows.
    pub headers: BTreeMap<String, String>,
    /// Sorted.
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

const PER_HOP: [&str; 5] = [
    "connection",
    "content-length",
    "date",
    "transfer-encoding",
    "x-amzn-remapped-content-length",
];

impl ClientResponse {
    pub fn new(status: StatusCode, headers: &HeaderMap, body: impl Into<Vec<u8>>) -> Self {
        let values = |name: &str| -> Vec<String> {
            let values = headers.get_all(name).iter();
            values
                .map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
                .collect()
        };
        let mut cookies = values("set-cookie");
        cookies.sort();
        Self {
            status,
            headers: headers
                .keys()
                .map(|name| name.as_str())
                .filter(|name| *name != "set-cookie" && !PER_HOP.contains(name))
                .map(|name| (name.to_owned(), values(name).join(", ")))
                .collect(),
            cookies,
            body: body.into(),
        }
    }
}
