#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Notation
import Synchronization

/// Everything that was asked and answered, in the order it happened, one JSON object a line: `invoke`, then `ok`, `fail` or
/// `unknown`. After `unknown` the same number is invoked again, under the same key.
///
/// `@unchecked Sendable`: the file is touched under the lock only.
final class History: @unchecked Sendable {
    let path: String
    private let file: UnsafeMutablePointer<FILE>
    private let lock = Mutex(())
    private let start = ContinuousClock.now

    init(path: String) throws {
        guard let file = fopen(path, "w") else { throw PlainFile.Fault(description: "\(path) cannot be written") }
        self.path = path
        self.file = file
    }

    deinit { fclose(file) }

    func invoke(_ deed: Deed, by client: Int) {
        write("invoke", deed) { json in
            json.member("client", client)
            json.member("verb", deed.verb.rawValue)
            json.member("key", deed.key)
            json.member("appointment", deed.appointment)
            json.member("twice", deed.isDouble)
            if !deed.body.isEmpty { json.name("body"); json.raw(deed.body) }
        }
    }

    func settle(_ deed: Deed, status: Int, document: [UInt8], replayed: Bool) {
        write((200..<300).contains(status) ? "ok" : "fail", deed) { json in
            json.member("status", status)
            json.member("replayed", replayed)
            json.name("answer")
            json.raw(document)
        }
    }

    func unknown(_ deed: Deed) { write("unknown", deed) { _ in } }

    /// What happened to the server: `start`, `kill`.
    func mark(_ name: String, cycle: Int) {
        var json = JSONWriter()
        json.object { json in
            json.member("event", name)
            json.member("cycle", cycle)
            json.member("ms", milliseconds)
        }
        write(json.bytes)
    }

    func flush() { _ = lock.withLock { _ in fflush(file) } }

    private func write(_ event: String, _ deed: Deed, _ details: (inout JSONWriter) -> Void) {
        var json = JSONWriter()
        json.object { json in
            json.member("event", event)
            json.member("n", deed.number)
            json.member("ms", milliseconds)
            details(&json)
        }
        write(json.bytes)
    }

    private func write(_ line: [UInt8]) {
        lock.withLock { _ in
            _ = fwrite(line, 1, line.count, file)
            putc(0x0A, file)
        }
    }

    private var milliseconds: Double { ((ContinuousClock.now - start) / .milliseconds(1) * 10).rounded() / 10 }
}
