/// Where the parts listen that are there once.
struct ClusterPorts: Sendable {
    let etcd: Int
    /// For other members of etcd, of which there are none.
    let etcdPeer: Int
    /// HAProxy: to the leader, and to a standby.
    let write: Int
    let read: Int

    init(_ free: inout FreePorts) throws {
        etcd = try free.take()
        etcdPeer = try free.take()
        write = try free.take()
        read = try free.take()
    }
}
