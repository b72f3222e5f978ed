//! The adapters over the contract of an ERP: UBL to a folder and to an endpoint, ERPNext against a fake of its REST API.

mod endpoint;
mod erpnext;
mod erpnext_change_faults;
mod erpnext_changes;
mod erpnext_faults;
mod files;
mod folder;
mod house;
mod mapping;
mod run;
mod site;
mod site_books;
mod site_items;
mod web;
