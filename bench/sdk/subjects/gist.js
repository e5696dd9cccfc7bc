// Only weighed: it displays messages and tracks nothing.
import gist from "customerio-gist-web";

export { gist };
