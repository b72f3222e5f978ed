//! How calls look over HTTP by way of a proxy: an annotation on every unary RPC (AIP-127), and what a proxy needs of it.

use std::collections::BTreeMap;

use dealflow_proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MessageDescriptor, MethodDescriptor};

/// A rule: its method, its path, its body.
struct Rule {
    verb: String,
    path: String,
    body: String,
}

fn unary() -> Vec<(MethodDescriptor, Option<Rule>)> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors hold all that they import");
    let http = pool.get_extension_by_name("google.api.http").expect("the extension is declared");
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect::<Vec<_>>();
    let unary = methods.into_iter().filter(|method| !method.is_client_streaming() && !method.is_server_streaming());
    unary.map(|method| (method.clone(), rule(&method.options(), &http))).collect()
}

fn rule(options: &DynamicMessage, http: &ExtensionDescriptor) -> Option<Rule> {
    if !options.has_extension(http) {
        return None;
    }
    let value = options.get_extension(http);
    let rule = value.as_message()?;
    let text = |name: &str| rule.get_field_by_name(name)?.as_str().map(str::to_owned);
    let verb = ["get", "put", "post", "delete", "patch"].into_iter().find(|verb| rule.has_field_by_name(verb))?;
    Some(Rule { verb: verb.to_owned(), path: text(verb)?, body: text("body")? })
}

/// The variables of a path, and the path as a client writes it.
fn taken_apart(path: &str) -> (Vec<&str>, String) {
    let (mut variables, mut url, mut rest) = (Vec::new(), String::new(), path);
    while let Some((before, behind)) = rest.split_once('{') {
        let (variable, behind) = behind.split_once('}').expect("a brace is closed");
        let (name, form) = variable.split_once('=').expect("a variable says what it matches");
        variables.push(name);
        url.push_str(before);
        url.push_str(form);
        rest = behind;
    }
    url.push_str(rest);
    (variables, url)
}

/// The kind of a field that may lie in another.
fn field(message: &MessageDescriptor, path: &str) -> Option<Kind> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let kind = message.get_field_by_name(first)?.kind();
    match rest {
        None => Some(kind),
        Some(rest) => field(kind.as_message()?, rest),
    }
}

/// R-API-1: every unary RPC can be called over HTTP, each at a place of its own.
#[test]
fn every_unary_call_has_its_place_over_http() {
    let mut places: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (method, rule) in unary() {
        let name = method.full_name().to_owned();
        let rule = rule.unwrap_or_else(|| panic!("{name} says nothing of HTTP"));
        let (_, url) = taken_apart(&rule.path);
        assert!(url.starts_with("/v1/"), "{name}: {url}");
        places.entry((rule.verb, url)).or_default().push(name);
    }
    let shared: Vec<_> = places.iter().filter(|(_, methods)| methods.len() > 1).collect();
    assert!(shared.is_empty(), "{shared:?}");
    assert!(places.len() > 200, "only {} calls were looked at", places.len());
}

/// R-API-1: what a path takes is text of the request; a call that changes something is no GET; a GET fits into a query.
#[test]
fn rules_take_what_the_request_has() {
    for (method, rule) in unary() {
        let (name, input) = (method.full_name().to_owned(), method.input());
        let rule = rule.unwrap_or_else(|| panic!("{name} says nothing of HTTP"));
        for variable in taken_apart(&rule.path).0 {
            assert_eq!(field(&input, variable), Some(Kind::String), "{name}: {variable}");
        }
        match (rule.verb.as_str(), rule.body.as_str()) {
            ("get" | "delete", body) => {
                assert_eq!(body, "", "{name}");
                assert!(input.get_field_by_name("request_id").is_none(), "{name} changes something");
                let deep = input.fields().find(|it| it.is_list() && matches!(it.kind(), Kind::Message(_)));
                assert!(deep.is_none(), "{name}: a query cannot hold {deep:?}");
            }
            (_, "*") => {}
            (_, body) => assert!(input.get_field_by_name(body).is_some(), "{name}: {body}"),
        }
    }
}
