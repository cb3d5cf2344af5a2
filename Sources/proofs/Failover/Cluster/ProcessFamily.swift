#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation

/// The processes that belong together because of a folder only they know: those whose command line names it, and their
/// children. Patroni lets go of PostgreSQL as soon as it runs, and PostgreSQL's processes have a session each, so neither parent
/// nor group would find them all.
struct ProcessFamily: Sendable {
    /// An argument is exactly one of these.
    private let names: Set<String>

    init(naming names: Set<String>) { self.names = names }

    /// Those there are now, without the dead that nobody has buried.
    var members: Set<Int32> {
        let all = Self.table()
        var members: Set<Int32> = []
        for (number, entry) in all where entry.state != "Z" && Self.arguments(of: number).contains(where: names.contains) {
            members.insert(number)
        }
        var size = 0
        while size != members.count {
            size = members.count
            for (number, entry) in all where entry.state != "Z" && members.contains(entry.parent) { members.insert(number) }
        }
        return members
    }

    /// Stops them all where they are. Until they run again they have no more children, and their numbers stay theirs.
    func halt() -> Set<Int32> {
        var halted: Set<Int32> = []
        while true {
            let running = members.filter { !halted.contains($0) || !"Tt".contains(Self.state(of: $0)) }
            if running.isEmpty { return halted }
            for number in running { kill(number, SIGSTOP) }
            halted.formUnion(running)
            usleep(1_000)
        }
    }

    /// Lets them go on. The youngest first: PostgreSQL, then Patroni, so that for a moment a server takes commits with nobody to
    /// tell it that it leads no longer.
    static func resume(_ halted: Set<Int32>) { for number in halted.sorted(by: >) { kill(number, SIGCONT) } }

    /// The end without a warning, for all at the same moment.
    func kill9() {
        let halted = halt()
        for number in halted { kill(number, SIGKILL) }
        _ = wait(seconds: 10) { halted.allSatisfy { "Z-".contains(Self.state(of: $0)) } }
    }

    /// The end for good: PostgreSQL gets the chance to give back its shared memory, which outlives processes.
    func dismiss() {
        let halted = halt()
        guard let server = halted.first(where: { Self.arguments(of: $0).first?.hasSuffix("/postgres") == true }) else {
            return kill9()
        }
        let postgres = halted.filter { $0 == server || Self.table()[$0]?.parent == server }
        kill(server, SIGQUIT)
        for number in postgres { kill(number, SIGCONT) }
        _ = wait(seconds: 6) { "Z-".contains(Self.state(of: server)) }
        kill9()
    }

    private func wait(seconds: Int, _ isTrue: () -> Bool) -> Bool {
        let start = ContinuousClock.now
        while !isTrue() {
            guard ContinuousClock.now - start < .seconds(seconds) else { return false }
            usleep(2_000)
        }
        return true
    }

    // MARK: What the kernel says

    private struct Entry {
        let state: Character
        let parent: Int32
    }

    private static func table() -> [Int32: Entry] {
        var table: [Int32: Entry] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            if let number = Int32(name), let entry = entry(of: number) { table[number] = entry }
        }
        return table
    }

    /// What stands in `/proc/N/stat` after the name, which may contain anything: state, parent, ….
    private static func entry(of number: Int32) -> Entry? {
        guard
            let text = FileManager.default.contents(atPath: "/proc/\(number)/stat").map({ String(decoding: $0, as: UTF8.self) }),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].dropFirst().split(separator: " ")
        guard fields.count > 1, let state = fields[0].first, let parent = Int32(fields[1]) else { return nil }
        return Entry(state: state, parent: parent)
    }

    /// One letter as `ps` has it: `T` is stopped, `Z` is dead and not yet reaped, `-` is not there.
    private static func state(of number: Int32) -> Character { entry(of: number)?.state ?? "-" }

    private static func arguments(of number: Int32) -> [String] {
        let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") ?? Data()
        return line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
