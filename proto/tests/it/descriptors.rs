//! The descriptors that reflection shows, and the conventions that all of our services keep.

use std::collections::BTreeSet;

use dealflow_proto::FILE_DESCRIPTOR_SET;
use dealflow_proto::leads::v1::Lead;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};
use prost_types::Any;

/// What the build wrote for the requests.
const CHECKS: &str = include_str!(concat!(env!("OUT_DIR"), "/checks.rs"));

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors hold all that they import")
}

fn methods() -> Vec<MethodDescriptor> {
    pool().services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// Whether the build wrote `impl {of} for` the message.
fn has(of: &str, message: &MessageDescriptor) -> bool {
    let path = message.full_name().replace('.', "::");
    CHECKS.contains(&format!("impl crate::{of} for crate::wire::{path} "))
}

#[test]
fn the_descriptors_contain_every_service() {
    let found: BTreeSet<String> = pool().services().map(|service| service.full_name().to_owned()).collect();
    let expected = [
        "activities.v1.ActivityService",
        "activities.v1.CalendarService",
        "activities.v1.CategoryService",
        "activities.v1.EmployeeService",
        "activities.v1.InteractionService",
        "activities.v1.KnowledgeService",
        "activities.v1.NotificationService",
        "activities.v1.TaskService",
        "audit.v1.AuditService",
        "erp.v1.ErpCallbackService",
        "erp.v1.ErpService",
        "erp.v1.ErpStubControlService",
        "erp.v1.HandoffService",
        "erp.v1.ReconciliationService",
        "feed.v1.FeedService",
        "gateway.v1.DealService",
        "gateway.v1.DocumentService",
        "gateway.v1.FlowService",
        "gateway.v1.PrivacyService",
        "leads.v1.AccountService",
        "leads.v1.ContactService",
        "leads.v1.LeadService",
        "leads.v1.PersonService",
        "opportunities.v1.AnalyticsService",
        "opportunities.v1.OpportunityService",
        "opportunities.v1.ProcessService",
        "opportunities.v1.RunService",
        "orders.v1.ApprovalService",
        "orders.v1.ContractService",
        "orders.v1.CreditNoteService",
        "orders.v1.InvoiceService",
        "orders.v1.LegalEntityService",
        "orders.v1.OrderService",
        "orders.v1.PaymentService",
        "orders.v1.PaymentTermsService",
        "orders.v1.PriceService",
        "orders.v1.ProductService",
        "orders.v1.QuoteService",
        "settings.v1.SettingService",
    ];
    assert_eq!(found, expected.iter().map(|name| format!("dealflow.{name}")).collect());
}

#[test]
fn the_descriptors_keep_comments_and_options() {
    let pool = pool();
    let lead = pool.get_message_by_name("dealflow.leads.v1.Lead").expect("leads have a message");
    let resource = pool.get_extension_by_name("google.api.resource").expect("its option is declared");
    assert!(lead.options().has_extension(&resource));
    let file = lead.parent_file();
    let source = file.file_descriptor_proto().source_code_info.as_ref().expect("source info");
    assert!(source.location.iter().any(|it| it.leading_comments() == " Somebody who may buy.\n"));
}

#[test]
fn every_rpc_takes_a_request_that_checks_itself() {
    for method in methods() {
        assert!(has("Validate", &method.input()), "{}", method.full_name());
    }
}

#[test]
fn every_rpc_with_a_request_id_is_a_mutation_and_no_other_is() {
    for method in methods() {
        let changes = method.input().get_field_by_name("request_id").is_some();
        assert_eq!(has("Mutation", &method.input()), changes, "{}", method.full_name());
    }
}

#[test]
fn only_reads_are_without_a_request_id() {
    let reads = ["Get", "BatchGet", "List", "Watch", "Subscribe", "Find", "Export", "Compare", "Verify"];
    // The wire to the ERP has an idempotency key of its own, its events have ids, the stub's controls repeat harmlessly.
    let outside =
        ["ErpService", "ErpCallbackService", "ErpStubControlService"].map(|it| format!("dealflow.erp.v1.{it}"));
    for method in methods() {
        let read = reads.iter().any(|verb| method.name().starts_with(verb));
        if !outside.iter().any(|it| it == method.parent_service().full_name()) {
            assert_eq!(has("Mutation", &method.input()), !read, "{}", method.full_name());
        }
    }
}

#[test]
fn what_mutations_have_in_common_has_the_same_number_everywhere() {
    let common = [(90, "request_id"), (91, "validate_only"), (92, "effective_time")];
    for input in methods().iter().map(MethodDescriptor::input) {
        for field in input.fields() {
            let numbered = common.iter().find(|(number, _)| *number == field.number()).map(|it| it.1);
            let named = common.iter().find(|(_, name)| *name == field.name()).map(|it| it.1);
            assert_eq!(numbered, named, "{}", field.full_name());
        }
    }
}

#[test]
fn the_declared_options_have_their_published_numbers() {
    let published = [
        ("google.api.field_behavior", 1052),
        ("google.api.http", 72_295_728),
        ("google.api.resource", 1053),
        ("google.api.resource_definition", 1053),
        ("google.api.resource_reference", 1055),
        ("buf.validate.field", 1159),
    ];
    for (name, number) in published {
        let option = pool().get_extension_by_name(name).expect(name);
        assert_eq!(option.number(), number, "{name}");
    }
    let rules = [
        ("FieldRules", "int32", 3),
        ("FieldRules", "int64", 4),
        ("FieldRules", "string", 14),
        ("FieldRules", "enum", 16),
        ("FieldRules", "repeated", 18),
        ("FieldRules", "required", 25),
        ("Int32Rules", "lt", 2),
        ("Int32Rules", "lte", 3),
        ("Int32Rules", "gt", 4),
        ("Int32Rules", "gte", 5),
        ("StringRules", "min_len", 2),
        ("StringRules", "max_len", 3),
        ("StringRules", "email", 12),
        ("StringRules", "uuid", 22),
        ("EnumRules", "defined_only", 2),
        ("EnumRules", "not_in", 4),
        ("RepeatedRules", "min_items", 1),
        ("RepeatedRules", "max_items", 2),
        ("RepeatedRules", "items", 4),
    ];
    for (message, name, number) in rules {
        let message = pool().get_message_by_name(&format!("buf.validate.{message}")).expect(message);
        assert_eq!(message.get_field_by_name(name).expect(name).number(), number, "{name}");
    }
}

#[test]
fn money_is_never_a_floating_point_number() {
    let float = |kind: Kind| matches!(kind, Kind::Double | Kind::Float);
    for message in pool().all_messages().filter(|it| it.package_name().starts_with("dealflow.")) {
        for field in message.fields() {
            assert!(!float(field.kind()), "{}", field.full_name());
        }
    }
}

#[test]
fn records_travel_in_events_under_their_public_type_url() {
    let packed = Any::from_msg(&Lead { name: "leads/1".to_owned(), ..Lead::default() }).expect("a lead packs");
    assert_eq!(packed.type_url, "type.googleapis.com/dealflow.leads.v1.Lead");
    assert_eq!(packed.to_msg::<Lead>().expect("and unpacks").name, "leads/1");
}
