#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Processes

/// Waiting for what the kernel or another program does in its own time and announces to nobody.
enum Patience {
    /// Whether it came true within `seconds`. The looking happens on a thread of its own: those of Swift's pool are few.
    static func until(seconds: Int, _ isTrue: @escaping @Sendable () -> Bool) async -> Bool {
        let answer = Promise<Bool>()
        Thread.detachNewThread { answer.keep(wait(seconds: seconds, isTrue)) }
        return await answer.value
    }

    /// The same where nobody can be awaited.
    static func wait(seconds: Int, _ isTrue: () -> Bool) -> Bool {
        let start = ContinuousClock.now
        while !isTrue() {
            guard ContinuousClock.now - start < .seconds(seconds) else { return false }
            usleep(2_000)
        }
        return true
    }
}
