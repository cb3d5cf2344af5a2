#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a thread is worth to the system beside the others of this process.
package enum GivingWay: Int32, Sendable {
    /// Half of what another weighs: it is long, and somebody waits for it who has to get in.
    case somewhat = 3
    /// Two fifths: it is long, and sooner done without.
    case more = 4

    /// Lets the calling thread, for as long as it lives, have the processor after those of ordinary priority: for work that takes long
    /// while somebody else answers quickly. On Linux each thread has a nice value of its own; with this one it weighs less than another
    /// when both want the same core, and has as much as it likes when nobody else does. Elsewhere nothing changes.
    package func fromNowOn() {
        #if os(Linux)
            // Raising one's own nice value needs no rights and cannot fail (setpriority(2)).
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, min(19, Self.niceness + rawValue))
        #endif
    }

    /// The calling thread's nice value: -20 to 19, and the higher, the later its turn.
    package static var niceness: Int32 {
        #if os(Linux)
            getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
        #else
            0
        #endif
    }
}
