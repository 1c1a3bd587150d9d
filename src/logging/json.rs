//! Lines as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::layer::Line;

/// Returns a line as one JSON object. Lambda reads `timestamp` and `level`.
pub(super) fn line(line: &Line<'_>) -> String {
    // Serializing strings and JSON values cannot fail.
    let mut json = serde_json::to_string(line).unwrap_or_default();
    json.push('\n');
    json
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &self.time)?;
        map.serialize_entry("level", self.level.as_str())?;
        if let Some(id) = &self.fields.request_id {
            map.serialize_entry("requestId", id)?;
        }
        map.serialize_entry("target", self.target)?;
        map.serialize_entry("message", &self.fields.message)?;
        if !self.fields.values.is_empty() {
            map.serialize_entry("fields", &Values(&self.fields.values))?;
        }
        map.end()
    }
}

/// Fields as an object, in their order.
struct Values<'a>(&'a [(String, Value)]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
