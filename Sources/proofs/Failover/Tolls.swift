import Synchronization

/// How long each fault kept each server from acknowledging anything.
final class Tolls: Sendable {
    private let seconds = Mutex<[String: [Double]]>([:])

    func add(_ seconds: Double, for fault: ClusterFault, _ way: String) {
        self.seconds.withLock { $0["\(fault.rawValue), \(way)", default: []].append(seconds) }
    }

    /// `kill, direct: median 18.3 s, longest 20.1 s of 4`.
    var lines: [String] {
        seconds.withLock { $0 }.sorted { $0.key < $1.key }.map { what, all in
            "\(what): median \(tenths(all.median)) s, longest \(tenths(all.max() ?? 0)) s of \(all.count)"
        }
    }

    private func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
}
