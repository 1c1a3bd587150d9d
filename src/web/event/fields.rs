//! The fields of an event that a request is made from. Everything else is skipped, so that nothing
//! else can fail a request.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::value::RawValue;

use super::text::{Pairs, Text, Texts, optional_text};

/// The fields of the three event formats together: 1.0, 2.0 and the load balancer's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub(in crate::web) struct Fields<'a> {
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) version: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) http_method: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) path: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) raw_path: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) raw_query_string: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) query_string_parameters: Pairs<'a>,
    #[serde(borrow)]
    pub(in crate::web) multi_value_query_string_parameters: Pairs<'a>,
    #[serde(borrow)]
    pub(in crate::web) headers: Pairs<'a>,
    #[serde(borrow)]
    pub(in crate::web) multi_value_headers: Pairs<'a>,
    #[serde(borrow)]
    pub(in crate::web) cookies: Texts<'a>,
    #[serde(borrow)]
    pub(in crate::web) body: Text<'a>,
    #[serde(deserialize_with = "flag")]
    pub(in crate::web) is_base64_encoded: bool,
    /// The route of format 1.0, such as `/users/{id}`.
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) resource: Text<'a>,
    /// The route of format 2.0 with its method, such as `GET /users/{id}`.
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) route_key: Text<'a>,
    #[serde(borrow, deserialize_with = "optional")]
    pub(in crate::web) path_parameters: Pairs<'a>,
    #[serde(borrow, deserialize_with = "optional")]
    pub(in crate::web) stage_variables: Pairs<'a>,
    #[serde(borrow)]
    pub(in crate::web) request_context: Option<ContextFields<'a>>,
    /// Only events for authorizers have one of these two; they look like requests otherwise.
    pub(in crate::web) method_arn: Option<IgnoredAny>,
    pub(in crate::web) route_arn: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub(in crate::web) struct ContextFields<'a> {
    /// Only a load balancer sends this.
    pub(in crate::web) elb: Option<IgnoredAny>,
    /// Only format 2.0 has this.
    #[serde(borrow)]
    pub(in crate::web) http: Option<HttpFields<'a>>,
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) api_id: Text<'a>,
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) domain_name: Text<'a>,
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) path: Text<'a>,
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) stage: Text<'a>,
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) request_id: Text<'a>,
    #[serde(borrow, deserialize_with = "optional")]
    pub(in crate::web) identity: IdentityFields<'a>,
    #[serde(borrow)]
    pub(in crate::web) authorizer: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub(in crate::web) struct HttpFields<'a> {
    #[serde(borrow)]
    pub(in crate::web) method: Text<'a>,
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) source_ip: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub(in crate::web) struct IdentityFields<'a> {
    #[serde(borrow, deserialize_with = "optional_text")]
    pub(in crate::web) source_ip: Text<'a>,
}

/// Reads `true`, `false` or `null`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads what a request does not need: what cannot be read counts as absent.
fn optional<'de: 'a, 'a, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'a> + Default,
{
    let raw: &'a RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}
