extension FailoverCluster {
    /// Does something to a node, until `relieve`.
    func strike(_ node: ClusterNode, with fault: ClusterFault) async {
        troubled[node] = fault
        switch fault {
        case .kill: await kill(node)
        case .freeze: frozen[node] = node.family.halt()
        case .cutOff: cut(node)
        case .jammedKill:
            let others = nodes.filter { $0 != node }
            for other in others { cut(other) }
            // The length of the jam is the experiment, not a wait for something to happen.
            try? await Task.sleep(for: .seconds(1))
            await kill(node)
            for other in others { join(other) }
        }
    }

    private func kill(_ node: ClusterNode) async {
        node.family.kill9()
        drop(node)
        await bury(node)
    }

    /// Undoes it. The node comes back by itself: a former leader takes back what the others never saw (`pg_rewind`), or is copied
    /// anew. `settled` tells when it has.
    func relieve(_ node: ClusterNode) throws {
        switch troubled.removeValue(forKey: node) {
        case .kill, .jammedKill: try startPatroni(node)
        case .freeze: ProcessFamily.resume(frozen.removeValue(forKey: node) ?? [])
        case .cutOff: join(node)
        case nil: break
        }
    }
}
