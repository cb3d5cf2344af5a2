import LoopbackClient
import Processes

extension FailoverCluster {
    func open(_ deploy: String, _ say: @Sendable (String) -> Void) async throws {
        try tenant.own(folder.path)
        try startMinder()
        try startEtcd(deploy)
        try await patience(20, "etcd does not answer") { await self.etcdAnswers() }
        interface = try Adaptation(of: "\(deploy)/patroni.yml").contains("\netcd3: {}\n") ? "ETCD3" : "ETCD"
        for node in nodes { try prepare(node, deploy) }
        for node in nodes { try startPatroni(node) }
        try startHAProxy(deploy)
        say("three servers are being made …")
        let seconds = try await settled(within: 180)
        try await makeClinic()
        say("the cluster stands after \(Int(seconds)) s; \(await description)")
    }

    /// When this process is killed the kernel ends Patroni, etcd and HAProxy; the minder hears of it too and ends PostgreSQL.
    private func startMinder() throws {
        let script = folder.file("minder.sh")
        try tenant.write(
            """
            trap 'for file in node*/data/postmaster.pid; do
                    read -r number < "$file" || continue
                    tr "\\0" "\\n" < "/proc/$number/cmdline" | grep -qxF "$PWD/${file%/postmaster.pid}" || continue
                    kill -QUIT "$number" && kill -CONT "$number"
                done; kill $!; exit' TERM
            while :; do setpriv --pdeathsig=KILL sleep 3600 & wait $!; done
            """, to: script)
        others.append(
            try tenant.start(
                ["/bin/sh", script], in: folder.path, environment: [:], log: folder.file("minder.log"), farewell: "TERM"))
    }

    private func startEtcd(_ deploy: String) throws {
        let (client, peer) = ("http://127.0.0.1:\(ports.etcd)", "http://127.0.0.1:\(ports.etcdPeer)")
        let environment = try Adaptation(of: "\(deploy)/etcd.env").variables.merging([
            "ETCD_DATA_DIR": folder.file("etcd"), "ETCD_INITIAL_CLUSTER": "node1=\(peer)", "ETCD_LISTEN_CLIENT_URLS": client,
            "ETCD_ADVERTISE_CLIENT_URLS": client, "ETCD_LISTEN_PEER_URLS": peer, "ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
            "ETCD_LOGGER": "zap", "ETCD_LOG_LEVEL": "warn",
        ]) { $1 }
        others.append(
            try tenant.start([programs.etcd], in: folder.path, environment: environment, log: folder.file("etcd.log")))
    }

    private func etcdAnswers() async -> Bool {
        guard let reply = try? await http.send("GET", "http://127.0.0.1:\(ports.etcd)/health") else { return false }
        return reply.status == 200
    }

    private func prepare(_ node: ClusterNode, _ deploy: String) throws {
        try tenant.makeFolder(node.folder)
        let deployed = Pace.deployed
        try Adaptation(of: "\(deploy)/patroni.yml")
            .replacing("mode: required", "mode: off")
            // Its shared memory in its own folder: a server that is killed leaves nothing elsewhere.
            .replacing(
                "unix_socket_directories: /var/run/postgresql",
                "unix_socket_directories: \(node.folder)\n    dynamic_shared_memory_type: mmap"
            )
            .replacing("\n    ttl: \(deployed.ttl)\n", "\n    ttl: \(pace.ttl)\n")
            .replacing("\n    loop_wait: \(deployed.loopWait)\n", "\n    loop_wait: \(pace.loopWait)\n")
            .replacing("\n    retry_timeout: \(deployed.retryTimeout)\n", "\n    retry_timeout: \(pace.retryTimeout)\n")
            .replacing("\n    synchronous_mode: true\n", "\n    synchronous_mode: \(replication == .synchronous)\n")
            .written(to: node.settings, by: tenant)
        // Python reads this before Patroni: every call it makes comes from the node's own address.
        try tenant.write(
            """
            import os, socket

            connect = socket.socket.connect

            def connect_from_node(self, address):
                if self.family == socket.AF_INET:
                    self.bind((os.environ["FAILOVER_SOURCE"], 0))
                return connect(self, address)

            socket.socket.connect = connect_from_node
            """, to: node.folder + "/sitecustomize.py")
    }

    func startPatroni(_ node: ClusterNode) throws {
        let own = [
            "PATRONI_NAME": node.name, "PATRONI_POSTGRESQL_LISTEN": "127.0.0.1:\(node.postgres)",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": "127.0.0.1:\(node.postgresDoor)",
            "PATRONI_RESTAPI_LISTEN": "127.0.0.1:\(node.patroni)",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": "127.0.0.1:\(node.patroniDoor)",
            "PATRONI_POSTGRESQL_DATA_DIR": node.data, "PATRONI_POSTGRESQL_BIN_DIR": programs.postgres,
            "PATRONI_POSTGRESQL_PGPASS": node.folder + "/pgpass", "PATRONI_\(interface)_HOSTS": "127.0.0.1:\(node.etcdDoor)",
            // Otherwise it would ask etcd for its address and go there past the door.
            "PATRONI_\(interface)_USE_PROXIES": "true", "PYTHONPATH": node.folder, "FAILOVER_SOURCE": node.source,
        ]
        patronis[node] = try tenant.start(
            [programs.patroni, node.settings], in: node.folder, environment: secrets.patroni.merging(own) { $1 }, log: node.log)
    }

    private func startHAProxy(_ deploy: String) throws {
        let settings = folder.file("haproxy.cfg")
        try Adaptation(of: "\(deploy)/haproxy.cfg")
            .replacing("    user haproxy\n    group haproxy\n    chroot /var/lib/haproxy\n", "")
            .replacing("log /dev/log local0", "log stderr format raw local0")
            .written(to: settings, by: tenant)
        var environment = ["WRITE_ADDRESS": "127.0.0.1:\(ports.write)", "READ_ADDRESS": "127.0.0.1:\(ports.read)"]
        for node in nodes {
            environment["NODE\(node.number)_POSTGRES"] = "127.0.0.1:\(node.postgresDoor)"
            environment["NODE\(node.number)_PATRONI_PORT"] = "\(node.patroniDoor)"
        }
        others.append(
            try tenant.start(
                [programs.haproxy, "-db", "-f", settings], in: folder.path, environment: environment,
                log: folder.file("haproxy.log")))
    }

    /// The role and the database of the program, as deploy/patroni/README.md says to make them.
    private func makeClinic() async throws {
        for statement in [
            "CREATE ROLE mediconnect LOGIN PASSWORD '\(secrets.clinicPassword)'", "CREATE DATABASE mediconnect OWNER mediconnect",
        ] {
            try await query(statement, at: superuserURL)
        }
    }
}
