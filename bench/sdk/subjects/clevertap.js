// Only weighed: it speaks to servers of its vendor, over HTTPS, and to no other.
import clevertap from "clevertap-web-sdk";

export { clevertap };
