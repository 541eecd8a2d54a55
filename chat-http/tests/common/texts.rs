//! Random texts by a seed: valid ones, invalid ones, and those at the limits.

/// This many texts, made of few or many pieces that the rules are about.
pub(crate) fn texts(count: usize) -> impl Iterator<Item = String> {
    let mut rng = Rng(7);
    let mut edges = edges();
    (0..count).map(move |_| edges.pop().unwrap_or_else(|| short(&mut rng)))
}

fn short(rng: &mut Rng) -> String {
    // Most pieces are harmless, so that usually one thing at a time is wrong.
    let plain = rng.below(4) > 0;
    (0..rng.below(7))
        .map(|_| match rng.below(if plain { 8 } else { 3 }) {
            0 | 1 => rng.one_of(PIECES).to_owned(),
            2 => char::from_u32(rng.below(0x3_0000)).unwrap_or('x').to_string(),
            _ => rng.one_of(HARMLESS).to_owned(),
        })
        .collect()
}

/// Lengths around every limit, with characters that NFC composes, expands or keeps.
fn edges() -> Vec<String> {
    let lengths = [20, 21, 22, 32, 33, 34, 63, 64, 65, 99, 100, 101, 1_023, 1_024, 1_025];
    let units = ["x", "é", "😀", "\u{958}", "\u{fb2c}", "\u{1d160}", "e\u{301}", "x ", "\u{1d6}\u{328}", "❤\u{fe0f}"];
    let repeated = units.iter().flat_map(|unit| lengths.iter().map(|length| unit.repeat(*length)));
    let mixed = lengths.iter().flat_map(|length| {
        let one_less = "x".repeat(length - 1);
        [format!("{one_less}\u{958}"), format!(" \n{one_less}y\u{3000}"), format!("{one_less}\u{200b}")]
    });
    repeated.chain(mixed).collect()
}

const HARMLESS: &[&str] = &["a", "Z", "é", "ж", "山", "7", "_", "😀", "e\u{301}", "क"];

const PIECES: &[&str] = &[
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{1}",
    "\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}",
    "\u{a0}",
    "\u{ad}",
    "\u{34f}",
    "\u{61c}",
    "\u{600}",
    "\u{115f}",
    "\u{1160}",
    "\u{17b4}",
    "\u{180b}",
    "\u{180e}",
    "\u{200b}",
    "\u{200e}",
    "\u{2028}",
    "\u{202e}",
    "\u{2066}",
    "\u{2060}",
    "\u{206a}",
    "\u{2800}",
    "\u{3000}",
    "\u{3164}",
    "\u{feff}",
    "\u{ffa0}",
    "\u{fff9}",
    "\u{fdd0}",
    "\u{ffff}",
    "\u{fe0e}",
    "\u{fe0f}",
    "\u{e000}",
    "\u{16fe4}",
    "\u{1d159}",
    "\u{e0041}",
    "\u{e0100}",
    "\u{f0000}",
    "\u{10ffff}",
    "\u{378}",
    "\u{301}",
    "\u{958}",
    "\u{1d160}",
    "\u{200c}",
    "\u{200d}",
    "\u{94d}\u{200d}",
    "\u{94d}\u{200c}",
    "\u{94d}",
    "ب",
    "د",
    "ی",
    "ب\u{200c}",
    "❤",
    "❤\u{fe0f}",
    "👩",
    "🏽",
    "👩\u{200d}",
    "🏳\u{fe0f}\u{200d}",
    "🌈",
    "1\u{fe0f}",
    "\u{20e3}",
    "1\u{fe0f}\u{20e3}",
    "🇩",
    "©",
    "∞",
    "\u{d4d}\u{200d}",
    "#",
];

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap()
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(u32::try_from(choices.len()).unwrap()) as usize]
    }
}
