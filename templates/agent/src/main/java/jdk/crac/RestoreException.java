package jdk.crac;

/** A resource failed after the restore; each failure is one of the suppressed exceptions. */
public class RestoreException extends Exception {
    private static final long serialVersionUID = -823900409868237860L;

    /** Without a message: org.crac copies the suppressed exceptions only. */
    public RestoreException() {
    }

    /** @param message what happened */
    public RestoreException(String message) {
        super(message);
    }
}
