//! The fixed seed: the demo's values look random and are the same on every machine.
//! Not for anything secret.

/// A xorshift64* generator (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016).
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    /// The stream that belongs to a name, so that adding one dataset does not change the others.
    pub fn of(name: &str) -> Self {
        // FNV-1a; its offset basis is the demo's seed.
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(hash.max(1)) // zero would stay zero
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0) as u64 + 1;
        low + ((self.bits() >> 33) % span) as i64
    }

    /// One of some texts; empty if there are none.
    pub fn pick(&mut self, among: &[&'static str]) -> &'static str {
        let last = among.len().saturating_sub(1) as i64;
        among.get(self.between(0, last) as usize).copied().unwrap_or_default()
    }

    /// An id in the form of a version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.bits(), self.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 50),
            b & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_always_gives_the_same_stream_and_another_name_another() {
        assert_eq!(Seed::of("crm/contacts").bits(), Seed::of("crm/contacts").bits());
        assert_ne!(Seed::of("crm/contacts").bits(), Seed::of("crm/accounts").bits());
    }

    #[test]
    fn numbers_stay_in_their_bounds_and_reach_both() {
        let mut seed = Seed::of("bounds");
        let drawn: Vec<i64> = (0..200).map(|_| seed.between(-2, 2)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-2), Some(&2)));
    }

    #[test]
    fn ids_have_the_form_of_a_version_4_uuid() {
        let mut seed = Seed::of("ids");
        for _ in 0..50 {
            let id = seed.uuid();
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            let variant = id.split('-').nth(3).and_then(|g| g.chars().next());
            assert!(matches!(variant, Some('8' | '9' | 'a' | 'b')), "{id}");
        }
    }
}
