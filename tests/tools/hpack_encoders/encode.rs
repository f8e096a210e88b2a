// SPDX-License-Identifier: Apache-2.0
//
// The HPACK encoder of the crate hpack for generate_hpack_vectors.py, whose protocol it speaks. Its table stays at 4,096.
use std::io::BufRead;

fn text(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn main() {
    let mut encoder = hpack::Encoder::new();
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "field" => fields.push((text(words[1]), text(words[2]))),
            "end" => {
                let block = encoder.encode(fields.iter().map(|(name, value)| (&name[..], &value[..])));
                println!("{}", block.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
                fields.clear();
            }
            _ => {}
        }
    }
}
