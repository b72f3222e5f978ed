//! One page of settings. They are declared in programs, and few: so filter and order are met in memory.

use dealflow_proto::settings::v1 as pb;

use crate::list::{Few, ListRequest, few};
use crate::refusal::Refusal;

impl Few for pb::Setting {
    const KIND: &'static str = "settings";

    fn texts(&self) -> Vec<(&'static str, &str)> {
        vec![("name", &self.name), ("description", &self.description), ("update_actor", &self.update_actor)]
    }

    fn flags(&self) -> Vec<(&'static str, bool)> {
        vec![("is_default", self.is_default)]
    }
}

/// A page of these settings, by name.
///
/// # Errors
/// A refusal that names the field of the request that is wrong.
pub fn page(all: Vec<pb::Setting>, ask: &pb::ListSettingsRequest) -> Result<pb::ListSettingsResponse, Refusal> {
    let wanted = ListRequest {
        page_size: ask.page_size,
        page_token: &ask.page_token,
        filter: &ask.filter,
        order_by: &ask.order_by,
    };
    let page = few(all, wanted)?;
    Ok(pb::ListSettingsResponse { settings: page.items, next_page_token: page.next_page_token })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, is_default: bool) -> pb::Setting {
        let description = format!("What {name} decides");
        pb::Setting { name: format!("settings/{name}"), is_default, description, ..pb::Setting::default() }
    }

    fn found(filter: &str, order_by: &str, page_size: i32) -> Result<Vec<String>, String> {
        let all = || vec![setting("orders.b", true), setting("leads.a", false), setting("orders.c", false)];
        let mut ask = pb::ListSettingsRequest {
            filter: filter.into(),
            order_by: order_by.into(),
            page_size,
            ..Default::default()
        };
        let mut names = Vec::new();
        loop {
            let page = page(all(), &ask).map_err(|no| no.to_string())?;
            names.extend(page.settings.into_iter().map(|it| it.name.trim_start_matches("settings/").to_owned()));
            if page.next_page_token.is_empty() {
                return Ok(names);
            }
            ask.page_token = page.next_page_token;
        }
    }

    #[test]
    fn settings_are_found_and_ordered_as_in_every_list() {
        for (filter, order_by, names) in [
            ("", "", vec!["leads.a", "orders.b", "orders.c"]),
            ("", "name desc", vec!["orders.c", "orders.b", "leads.a"]),
            ("name = \"settings/orders.*\"", "", vec!["orders.b", "orders.c"]),
            ("name:ORDERS AND is_default = false", "", vec!["orders.c"]),
            ("NOT is_default = true OR name:b", "name", vec!["leads.a", "orders.b", "orders.c"]),
            ("decides", "", vec!["leads.a", "orders.b", "orders.c"]),
            ("update_actor:*", "", vec![]),
        ] {
            for size in [1, 2, 1000] {
                assert_eq!(
                    found(filter, order_by, size).as_deref(),
                    Ok(&names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..]),
                    "{filter}"
                );
            }
        }
        for (filter, order_by) in [
            ("colour = \"red\"", ""),
            ("name:a OR colour:red", ""),
            ("is_default = 7", ""),
            ("name =", ""),
            ("", "colour"),
        ] {
            assert!(found(filter, order_by, 1).is_err(), "{filter} {order_by}");
        }
    }
}
