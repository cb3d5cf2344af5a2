#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How many files, and so connections, this process may have open.
enum OpenFiles {
    /// As many as the machine lets it have: what a login shell starts with is often a thousand.
    static func raised() -> Int {
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return 1_024 }
        // More than anybody needs makes some libraries look at each of them.
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        // When it is not let, it goes on with what it has.
        _ = setrlimit(kind, &limit)
        return getrlimit(kind, &limit) == 0 ? Int(min(limit.rlim_cur, 65_536)) : 1_024
    }
}
