import Processes

/// One of the three: PostgreSQL, the Patroni that looks after it, and the doors through which others reach them.
struct ClusterNode: Sendable, Hashable {
    /// From 1.
    let number: Int
    let folder: String
    /// Where PostgreSQL and Patroni listen, and the doors to them.
    let postgres: Int
    let patroni: Int
    let postgresDoor: Int
    let patroniDoor: Int
    /// Its own way to etcd.
    let etcdDoor: Int

    init(_ number: Int, in folder: TemporaryFolder, _ free: inout FreePorts) throws {
        self.number = number
        self.folder = folder.file("node\(number)")
        postgres = try free.take()
        patroni = try free.take()
        postgresDoor = try free.take()
        patroniDoor = try free.take()
        etcdDoor = try free.take()
    }

    var name: String { "node\(number)" }
    var data: String { folder + "/data" }
    var settings: String { folder + "/patroni.yml" }
    var log: String { folder + "/log" }

    /// From where its Patroni calls the others, so that the network knows who it is.
    var source: String { "127.0.0.\(10 + number)" }

    /// The node that calls from 127.0.0.`address`.
    static func calling(from address: Int) -> Int? { (11...13).contains(address) ? address - 10 : nil }

    static func named(_ name: String) -> Int? { (1...3).first { "node\($0)" == name } }

    /// Patroni, PostgreSQL's server, and whatever either has started.
    var family: ProcessFamily { ProcessFamily(naming: [data, "--pgdata=\(data)", settings]) }

    func doors(etcd: Int) -> [Network.Door] {
        [
            Network.Door(node: number, from: postgresDoor, to: postgres),
            Network.Door(node: number, from: patroniDoor, to: patroni),
            Network.Door(node: number, from: etcdDoor, to: etcd),
        ]
    }
}
