import Foundation

/// One letter as `ps` has it, or nil when there is no such process.
func state(_ number: Int32) -> Character? {
    guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8), let end = text.lastIndex(of: ")")
    else { return nil }
    return text[end...].dropFirst(2).first
}

/// A dead process whose parent has not looked yet is dead.
func isAlive(_ number: Int32) -> Bool { state(number).map { $0 != "Z" && $0 != "X" } ?? false }

/// Ends when it is true, or with false after some seconds.
func eventually(_ isTrue: () -> Bool) async -> Bool {
    for _ in 0..<1000 {
        if isTrue() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
