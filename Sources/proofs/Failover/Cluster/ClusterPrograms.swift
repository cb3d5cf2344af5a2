import Foundation
import Processes

/// The programs a cluster consists of, where Debian puts them.
struct ClusterPrograms: Sendable {
    let patroni = "/usr/bin/patroni"
    let etcd = "/usr/bin/etcd"
    let haproxy = "/usr/sbin/haproxy"
    /// The folder of PostgreSQL's own programs.
    let postgres: String

    /// What `apt-get install` needs to hear for all of them.
    static let packages = ["patroni", "python3-etcd", "etcd-server", "haproxy", "postgresql-15"]

    /// Throws what to install when one is missing: a proof that is skipped in silence looks like one that held.
    static func found() throws -> ClusterPrograms {
        let debian = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []).compactMap { Int($0) }
        let programs = ClusterPrograms(postgres: "\(debian)/\(versions.max() ?? 15)/bin")
        for program in [programs.patroni, programs.etcd, programs.haproxy, programs.initdb, programs.psql]
        where !FileManager.default.isExecutableFile(atPath: program) {
            throw ProcessFault("\(program) is missing; run: apt-get install \(packages.joined(separator: " "))")
        }
        return programs
    }

    var psql: String { postgres + "/psql" }
    private var initdb: String { postgres + "/initdb" }
}
