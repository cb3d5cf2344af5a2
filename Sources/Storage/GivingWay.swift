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
            // Raising the nice value needs no rights, and cannot fail for the thread itself (setpriority(2)).
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
        #endif
    }
}
