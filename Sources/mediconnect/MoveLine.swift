import Foundation
import Moving
import Synchronization

/// How far the move is: one line on a terminal that changes, elsewhere a line for each phase.
final class MoveLine: Sendable {
    private let last = Mutex("")
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func show(_ progress: MoveProgress) {
        let percent = progress.total > 0 ? min(100, progress.done * 100 / progress.total) : 100
        let bar = String(repeating: "█", count: percent / 5) + String(repeating: "░", count: 20 - percent / 5)
        let text =
            isTerminal
            ? "\(progress.phase.rawValue) \(progress.table) \(bar) \(percent) %  \(progress.done) of \(progress.total)"
            : progress.phase.rawValue
        let isNew = last.withLock { last in
            defer { last = text }
            return last != text
        }
        if isNew { write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n") }
    }

    func clear() { if isTerminal { write("\r\u{1B}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
