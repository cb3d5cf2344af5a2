/// Passwords nobody has to know, each `user:password` as a URL wants it.
struct ClusterSecrets: Sendable {
    let clinicPassword = madeUp()
    private let superuserPassword = madeUp()
    private let replicationPassword = madeUp()
    private let rewindPassword = madeUp()
    private let patroniPassword = madeUp()

    var clinic: String { "mediconnect:\(clinicPassword)" }
    var superuser: String { "postgres:\(superuserPassword)" }

    /// As `deploy/patroni/patroni_env.conf` has them.
    var patroni: [String: String] {
        [
            "PATRONI_RESTAPI_USERNAME": "patroni", "PATRONI_RESTAPI_PASSWORD": patroniPassword,
            "PATRONI_SUPERUSER_USERNAME": "postgres", "PATRONI_SUPERUSER_PASSWORD": superuserPassword,
            "PATRONI_REPLICATION_USERNAME": "replicator", "PATRONI_REPLICATION_PASSWORD": replicationPassword,
            "PATRONI_REWIND_USERNAME": "rewinder", "PATRONI_REWIND_PASSWORD": rewindPassword,
        ]
    }

    private static func madeUp() -> String {
        var chance = SystemRandomNumberGenerator()
        return String(chance.next(), radix: 36) + String(chance.next(), radix: 36)
    }
}
