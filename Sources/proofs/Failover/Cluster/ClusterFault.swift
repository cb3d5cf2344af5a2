/// What can happen to a node.
enum ClusterFault: String, Sendable, CaseIterable {
    /// `SIGKILL` to Patroni, PostgreSQL's server and all of its processes at once: a machine that lost its memory.
    case kill
    /// All of them stopped for longer than a lease lasts, then awake again, believing no time has passed: a virtual machine that
    /// was paused.
    case freeze
    /// It runs on, but nothing reaches it and nothing gets away from it.
    case cutOff = "cut-off"
    /// For a second the standbys hear nothing from anybody, then the leader is killed: what it acknowledged meanwhile without them
    /// is gone.
    case jammedKill = "jammed-kill"
}
