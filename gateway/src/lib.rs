//! The way of a deal across the services, and its hand-over to the ERP.
