//! What the name of a region tells: which partition of AWS it is in, and how hosts are called there.
//!
//! <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>, and `partitions.json`
//! of the SDKs.

/// What regions begin with, what ARNs call their partition, and what hosts end in there.
const PARTITIONS: [(&str, &str, &str); 7] = [
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
];

fn of(region: &str) -> (&'static str, &'static str) {
    let found = PARTITIONS.iter().find(|(begins, ..)| region.starts_with(begins));
    found.map_or(("aws", "amazonaws.com"), |(_, partition, ends)| (partition, ends))
}

/// The partition, as ARNs spell it.
pub fn partition(region: &str) -> &'static str {
    of(region).0
}

/// The host of a service, by the name that hosts bear: `logs.eu-central-1.amazonaws.com`.
pub fn host(service: &str, region: &str) -> String {
    format!("{service}.{region}.{}", of(region).1)
}

/// Whether a host is one of AWS's own services, and no private endpoint of one.
pub fn is_of_aws(host: &str) -> bool {
    let ends = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let known = PARTITIONS.iter().any(|(_, _, domain)| ends(domain));
    (known || ["amazonaws.com", "api.aws"].into_iter().any(ends)) && !host.contains(".vpce.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_hosts() {
        for (region, arn, called) in [
            ("eu-central-1", "aws", "logs.eu-central-1.amazonaws.com"),
            ("cn-north-1", "aws-cn", "logs.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "logs.us-gov-west-1.amazonaws.com"),
            ("eusc-de-east-1", "aws-eusc", "logs.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "aws-iso", "logs.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "logs.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            assert_eq!((partition(region), host("logs", region).as_str()), (arn, called));
        }
    }

    #[test]
    fn hosts_of_aws() {
        for own in ["logs.eu-west-1.amazonaws.com", "logs.cn-north-1.amazonaws.com.cn", "logs.eu-west-1.api.aws"] {
            assert!(is_of_aws(own), "{own}");
        }
        for other in ["localhost", "notamazonaws.com", "logs.amazonaws.com.example.org", "v.logs.a.vpce.amazonaws.com"]
        {
            assert!(!is_of_aws(other), "{other}");
        }
    }
}
