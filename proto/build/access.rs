//! Writes the table of methods: which permission each RPC asks for. An RPC that asks for none does not build (R-SEC-1).

use std::fmt::Write;

use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

/// The option that an RPC must have.
const OPTION: &str = "dealflow.access.v1.permission";

/// The source of the table; an error names an RPC without a permission.
pub(crate) fn methods(pool: &DescriptorPool) -> Result<String, String> {
    let mut rows = String::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let number = permission(pool, &method).filter(|number| *number != 0).ok_or_else(|| {
            format!("{}: say what its callers must be permitted: option ({OPTION}) = PERMISSION_…;", method.full_name())
        })?;
        let (service, name) = (method.parent_service().full_name().to_owned(), method.name());
        let _ = writeln!(rows, "    Method {{ path: \"/{service}/{name}\", number: {number} }},");
    }
    Ok(format!("pub static ALL: &[Method] = &[\n{rows}];\n"))
}

fn permission(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<i32> {
    let option = pool.get_extension_by_name(OPTION)?;
    let options = method.options();
    match options.has_extension(&option).then(|| options.get_extension(&option).into_owned())? {
        Value::EnumNumber(number) => Some(number),
        _ => None,
    }
}
