//! The filter language: what is read how, and what is refused where.

use dealflow_chassis::list::{Filter, ListError, Literal};
use proptest::prelude::*;

/// The tree in prefix form.
fn told(filter: &Filter) -> String {
    let all = |name: &str, inner: &[Filter]| {
        let inner: Vec<String> = inner.iter().map(told).collect();
        format!("({name} {})", inner.join(" "))
    };
    let value = |value: &Literal| {
        let text = value.pieces.join("<*>");
        if value.quoted { format!("\"{text}\"") } else { text }
    };
    match filter {
        Filter::All(inner) => all("and", inner),
        Filter::Any(inner) => all("or", inner),
        Filter::Not(inner) => all("not", std::slice::from_ref(inner)),
        Filter::Compare { field, comparator, value: v, .. } => {
            format!("{field}{}{}", comparator.sign(), value(v))
        }
        Filter::Anywhere(v) => format!("~{}", value(v)),
    }
}

#[test]
fn a_filter_is_read_as_aip_160_writes_it() {
    let table = [
        ("", "(and )"),
        ("  \t\n", "(and )"),
        ("a=1", "a=1"),
        (" a  =  1 ", "a=1"),
        ("a!=1", "a!=1"),
        ("a<1", "a<1"),
        ("a<=1", "a<=1"),
        ("a>1", "a>1"),
        ("a>=1", "a>=1"),
        ("a:1", "a:1"),
        ("a:*", "a:<*>"),
        ("a.b.c_2 = x", "a.b.c_2=x"),
        ("_a=1", "_a=1"),
        ("a=-30", "a=-30"),
        ("a=2.5", "a=2.5"),
        ("done=true", "done=true"),
        ("t>=2026-01-31T09:30:00+02:00", "t>=2026-01-31T09:30:00+02:00"),
        ("d<2026-01-31", "d<2026-01-31"),
        ("lead = leads/018f-ab", "lead=leads/018f-ab"),
        ("a=b:c", "a=b:c"),
        (r#"a="x y""#, "a=\"x y\""),
        ("a='x y'", "a=\"x y\""),
        (r#"a="""#, "a=\"\""),
        (r#"a="it's""#, "a=\"it's\""),
        (r#"a="\"\\\n""#, "a=\"\"\\\n\""),
        (r#"a="\u00e9\t""#, "a=\"é\t\""),
        (r#"a="AND""#, "a=\"AND\""),
        ("a=*.rs", "a=<*>.rs"),
        (r#"a="x*y*""#, "a=\"x<*>y<*>\""),
        (r#"a="x\*y""#, "a=\"x*y\""),
        ("a=1 AND b=2", "(and a=1 b=2)"),
        ("a=1 b=2", "(and a=1 b=2)"),
        ("a=1 OR b=2", "(or a=1 b=2)"),
        ("a=1 AND b=2 OR c=3", "(and a=1 (or b=2 c=3))"),
        ("a=1 OR b=2 AND c=3", "(and (or a=1 b=2) c=3)"),
        ("(a=1 AND b=2) OR c=3", "(or (and a=1 b=2) c=3)"),
        ("(a=1)AND(b=2)OR(c=3)", "(and a=1 (or b=2 c=3))"),
        ("((a=1))", "a=1"),
        ("NOT a=1", "(not a=1)"),
        ("-a=1", "(not a=1)"),
        ("NOT (a=1 OR b=2)", "(not (or a=1 b=2))"),
        ("-(a=1 b=2)", "(not (and a=1 b=2))"),
        ("NOT a=1 OR b=2", "(or (not a=1) b=2)"),
        ("Hugo", "~Hugo"),
        ("Victor Hugo", "(and ~Victor ~Hugo)"),
        ("New York Giants OR Yankees", "(and ~New ~York (or ~Giants ~Yankees))"),
        ("\"New York\" -Giants", "(and ~\"New York\" (not ~Giants))"),
        ("ANDY=1 NOTE=2 ORB=3", "(and ANDY=1 NOTE=2 ORB=3)"),
        ("Ünïcödé", "~Ünïcödé"),
    ];
    for (text, tree) in table {
        let filter = Filter::parse(text).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        assert_eq!(told(&filter), tree, "{text}");
    }
}

#[test]
fn a_filter_that_cannot_be_read_is_refused_at_its_column_with_what_was_expected() {
    let table = [
        ("a=", 3, "expected a value after `=`; the filter ends here"),
        ("a= AND b=1", 4, "the keyword AND in quotes"),
        ("a==1", 3, "expected a value after `=`; found `=`"),
        ("a=<1", 3, "expected a value"),
        ("a=1 b>", 7, "expected a value after `>`"),
        ("=1", 1, "expected a field's name, a value or `(`; found `=`"),
        ("a!1", 2, "expected !="),
        ("a=1 AND", 8, "the filter ends here"),
        ("AND a=1", 1, "the keyword AND"),
        ("a=1 OR", 7, "the filter ends here"),
        ("a=1 OR OR b=2", 8, "the keyword OR"),
        ("a=1 AND AND b=1", 9, "the keyword AND"),
        ("NOT", 4, "the filter ends here"),
        ("NOT NOT a=1", 5, "the keyword NOT"),
        ("a=1 or b=2", 5, "write OR in capitals"),
        ("not a=1", 1, "write NOT in capitals"),
        ("(a=1", 5, "expected `)` for the `(` at column 1; the filter ends here"),
        ("a=1)", 4, "expected AND, OR or the end; found `)`"),
        ("()", 2, "found `)`"),
        ("a=\"x", 3, "no closing quote"),
        ("a='x\\", 5, "expected one of"),
        (r#"a="\q""#, 4, "expected one of"),
        (r#"a="\u00""#, 4, "four hexadecimal digits"),
        (r#"a="\ud800""#, 4, "four hexadecimal digits"),
        (r#"a="\u0000""#, 4, "four hexadecimal digits"),
        ("a=x\0", 3, "U+0000"),
        ("a=\"\0\"", 4, "U+0000"),
        ("a=\"x\"y", 6, "expected a space after the value, found `y`"),
        ("a=O'Brien", 4, "expected a space after the value"),
        ("a=x,y", 4, "expected a space after the value"),
        ("a=(1 OR 2)", 3, "join several by OR"),
        ("\"a\"=1", 1, "without quotes"),
        ("f(x)", 1, "functions are not supported"),
        ("t > timestamp(\"x\")", 14, "expected a space after the value"),
        ("a..b=1", 3, "letters, digits and _"),
        ("a.=1", 3, "letters, digits and _"),
        ("2a=1", 1, "letters, digits and _"),
        ("a.b-c=1", 3, "letters, digits and _"),
        ("ü=1", 1, "letters, digits and _"),
        (", a=1", 1, "found `,`"),
    ];
    for (text, at, expected) in table {
        match Filter::parse(text) {
            Err(ListError::Filter { column, message }) => {
                assert!(message.contains(expected), "{text}: {message}");
                assert_eq!(column, at, "{text}: {message}");
            }
            other => panic!("{text} was read as {other:?}"),
        }
    }
}

#[test]
fn a_filter_without_bounds_is_refused_and_not_worked_on() {
    let deep = |depth: usize| format!("{}a=1{}", "(".repeat(depth), ")".repeat(depth));
    let wide = |count: usize| vec!["a=1"; count].join(" OR ");
    assert!(Filter::parse(&deep(16)).is_ok());
    assert!(Filter::parse(&wide(100)).is_ok());
    for (text, expected) in [
        (deep(17), "16 deep"),
        ("(".repeat(8_000), "16 deep"),
        ("-(".repeat(4_000), "16 deep"),
        (wide(101), "100 comparisons"),
        ("x ".repeat(4_000), "100 comparisons"),
        (format!("a=\"{}\"", "x".repeat(9_000)), "8192"),
    ] {
        let refusal = Filter::parse(&text).expect_err("too much").to_string();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn no_row_of_its_own_signs_makes_the_parser_panic_and_columns_lie_inside(
        text in r#"(a|1|AND|OR|NOT|-|\(|\)|=|!|<|>|:|"|'|\\|\\u|\*|\.|,| |é){0,24}"#
    ) {
        if let Err(ListError::Filter { column, .. }) = Filter::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&column), "{column} of {text:?}");
        }
    }
}
