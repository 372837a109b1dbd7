//! Arguments, variables, standard streams and exit statuses.

use std::io::Read;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map_or("", String::as_str) {
        "print" => {
            println!("out");
            eprintln!("err");
        }
        "args" => println!("{args:?}"),
        "env" => {
            let mut variables: Vec<_> = std::env::vars().collect();
            variables.sort();
            println!("{variables:?}");
        }
        "exit" => std::process::exit(args[1].parse().unwrap()),
        "panic" => panic!("as told"),
        "read" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).unwrap();
            println!("{}: {text}", text.len());
        }
        "large" => {
            for line in 0..20_000 {
                println!("{line:010}");
            }
        }
        other => panic!("no `{other}`"),
    }
}
