//! Products: what is sold (R-PRD-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, id, refusal};

use crate::house::{House, eur, product, vat};

both! {
    /// R-PRD-1
    async fn a_product_without_a_unit_is_sold_by_the_piece(db: TestDb) {
        let house = House::open(db).await;
        let made = house.products().create_product(product("GTX-1")).await.expect("it can be made").into_inner();
        assert_eq!(made.unit_code, "C62");
        assert_eq!(made.list_price, Some(eur("100")));
        let name = made.name.clone();
        let read = house.products().get_product(pb::GetProductRequest { name }).await.expect("it is there");
        assert_eq!(read.into_inner(), made);
    }

    /// R-PRD-1
    async fn a_code_has_one_holder_and_the_refusal_names_it(db: TestDb) {
        let house = House::open(db).await;
        let holder = house.products().create_product(product("GTX-1")).await.expect("it can be made").into_inner();
        let second = house.products().create_product(product("GTX-1")).await.expect_err("the code is taken");
        let refused = refusal(&second);
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::AlreadyExists, "TAKEN"));
        assert_eq!(refused.metadata["holder"], holder.name);
        assert_eq!(refused.metadata["field"], "product.code");
    }

    /// R-PRD-1
    async fn what_cannot_be_sold_is_refused_by_its_field(db: TestDb) {
        let house = House::open(db).await;
        type Wrong = (&'static str, fn(&mut pb::Product));
        let wrong: [Wrong; 7] = [
            ("product.code", |it| it.code = "  ".to_owned()),
            ("product.unit_code", |it| it.unit_code = "pcs".to_owned()),
            ("product.list_price", |it| it.list_price = Some(eur("-1"))),
            ("product.list_price.currency_code", |it| it.list_price = Some(crate::house::money("1", "XAU"))),
            ("product.vat.rate", |it| it.vat = Some(vat("0"))),
            ("product.vat.rate", |it| it.vat = Some(vat("101"))),
            ("product.vat.category", |it| it.vat = Some(Default::default())),
        ];
        for (field, spoil) in wrong {
            let mut ask = product("GTX-1");
            spoil(ask.product.as_mut().expect("the product is there"));
            ask.request_id = id();
            let status = house.products().create_product(ask).await.expect_err(field);
            assert_eq!(refusal(&status).field_names(), [field]);
        }
    }
}
