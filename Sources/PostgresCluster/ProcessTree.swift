#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation

/// A process and those it has started. PostgreSQL gives every one of its processes a session of its own, so no signal reaches
/// them as a group.
enum ProcessTree {
    /// Stops a process, then its children, and returns these. It starts no further ones, and it reaps none: until it runs
    /// again their numbers stay theirs, and a signal meets nobody else.
    static func freeze(_ number: Int32) -> [Int32] {
        guard kill(number, SIGSTOP) == 0, Patience.wait(seconds: 5, { "TZ-".contains(state(number)) }) else { return [] }
        let children = children(of: number)
        for child in children { kill(child, SIGSTOP) }
        _ = Patience.wait(seconds: 5) { children.allSatisfy { "TZ-".contains(state($0)) } }
        return children
    }

    static func thaw(_ number: Int32) {
        for child in children(of: number) { kill(child, SIGCONT) }
        kill(number, SIGCONT)
    }

    /// Kills a process and its children, these first, so that none of them notices and does anything about it.
    static func kill9(_ number: Int32) {
        let children = freeze(number)
        for child in children { kill(child, SIGKILL) }
        _ = Patience.wait(seconds: 5) { children.allSatisfy { "Z-".contains(state($0)) } }
        kill(number, SIGKILL)
    }

    /// One letter as `ps` has it: `T` is stopped, `Z` is dead and not yet reaped, `-` is not there.
    static func state(_ number: Int32) -> Character { fields(number)?.first?.first ?? "-" }

    private static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { fields($0)?.dropFirst().first.flatMap { Int32($0) } == parent }
    }

    /// What stands in `/proc/N/stat` after the name, which may contain anything: state, parent, ….
    private static func fields(_ number: Int32) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[end...].dropFirst().split(separator: " ")
    }
}
