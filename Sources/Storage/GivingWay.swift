#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a thread is worth to the system beside the others of this process.
package enum GivingWay {
    /// Lets the calling thread, for as long as it lives, have the processor after those of ordinary priority: for work that takes long
    /// while somebody else answers quickly. On Linux each thread has a nice value of its own; with this one it weighs a third of what another does
    /// when both want the same core, and as much as it likes when nobody else does. Elsewhere nothing changes.
    package static func fromNowOn() {
        #if os(Linux)
            // Raising one's own nice value needs no rights and cannot fail (setpriority(2)).
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, min(19, niceness + 5))
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
