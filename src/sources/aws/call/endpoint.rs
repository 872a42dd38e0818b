//! Where a service is reached: its host, its region and what the partition of the region ends in.

/// What hosts end in, by what the name of the region begins with. As the SDK's own table of partitions:
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-iso-", "c2s.ic.gov"),
];

/// The address of a service in a region, without a path.
pub(super) fn of(host: &str, region: &str, fips: bool) -> String {
    let ends = PARTITIONS.iter().find(|(begins, _)| region.starts_with(begins));
    let ends = ends.map_or("amazonaws.com", |(_, ends)| ends);
    let fips = if fips { "-fips" } else { "" };
    format!("https://{host}{fips}.{region}.{ends}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_end() {
        for (region, fips, address) in [
            ("eu-central-1", false, "https://monitoring.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", true, "https://monitoring-fips.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", false, "https://monitoring.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", false, "https://monitoring.eusc-de-east-1.amazonaws.eu"),
            ("us-isob-east-1", false, "https://monitoring.us-isob-east-1.sc2s.sgov.gov"),
            ("us-iso-east-1", false, "https://monitoring.us-iso-east-1.c2s.ic.gov"),
        ] {
            assert_eq!(of("monitoring", region, fips), address);
        }
    }
}
